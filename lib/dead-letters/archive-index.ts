export * from './routes/index.ts';
export { findByMessage } from './list.ts';
export { archiveTable, type ArchiveTable } from '../archive/record.ts';
