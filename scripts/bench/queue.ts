import type { Benchmark } from './benchmark.ts'; export const queue: Benchmark = { name: 'queue', about: '', run: async () => ({ title: '', rows: [], notes: [] }) };
