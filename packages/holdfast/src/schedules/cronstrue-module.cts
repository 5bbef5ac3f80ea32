// CommonJS, for the reason that cron.ts gives.
exports.load = () => require("cronstrue");
