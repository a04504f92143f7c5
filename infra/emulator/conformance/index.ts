export { conformanceCases, type ConformanceCase } from './cases.ts';
export { runConformanceCase, type ConformanceOptions, type Mapping, type RunningEventSource } from './run.ts';
