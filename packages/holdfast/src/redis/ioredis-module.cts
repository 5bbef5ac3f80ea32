// CommonJS, for the reason in ioredis.ts. It is plain JavaScript, since the test runner does not compile it.
exports.load = () => require("ioredis");
// In a bundle of ES modules, esbuild replaces `require` by a stand-in.
exports.isStandIn = require.resolve === undefined;
