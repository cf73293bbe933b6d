import type { Benchmark } from './benchmark.ts'; export const held: Benchmark = { name: 'held', about: '', run: async () => ({ title: '', rows: [], notes: [] }) };
