// Each server loads this file. It answers each message of the parent with the CPU time of the server process, µs.
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicros: user + system });
});
process.channel?.unref();
