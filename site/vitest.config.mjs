// Without this file, `vitest run --root site` would use the configuration of the repository.
export default { test: { include: ["site.test.mjs"] } };
