import type { Benchmark } from './benchmark.ts'; export const uploadRatio: Benchmark = { name: 'upload', about: '', run: async () => ({ title: '', rows: [], notes: [] }) };
