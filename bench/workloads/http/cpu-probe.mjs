// Each server loads this file. When it is asked, it sends the CPU time of the server process, µs.
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicros: user + system });
});
process.channel?.unref();
