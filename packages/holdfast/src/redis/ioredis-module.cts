// CommonJS, for the reason that ioredis.ts gives: plain JavaScript, since the test runner takes it as it is.
exports.load = () => require("ioredis");
// What esbuild leaves for `require` in a bundle of ES modules is a stand-in.
exports.isStandIn = require.resolve === undefined;
