// Each server loads this file, which reports the CPU time of the server on request, µs.
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicros: user + system });
});
process.channel?.unref();
