import type { Benchmark } from './benchmark.ts'; export const hostile: Benchmark = { name: 'hostile', about: '', run: async () => ({ title: '', rows: [], notes: [] }) };
