// CommonJS, for the reason in cron.ts.
exports.load = () => require("cronstrue");
