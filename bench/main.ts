// node bench/main.ts <name> [arguments]: runs one of the benchmarks beside this file. Figures, not tests.

export {};

const name = process.argv[2];
if (name === undefined || !/^[a-z-]+$/.test(name)) {
  process.stderr.write('Say which benchmark: npm run bench -- api\n');
  process.exit(2);
}
// What follows the name is the benchmark's own.
process.argv.splice(2, 1);
await import(`./${name}.ts`);
