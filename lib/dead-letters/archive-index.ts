export { deadLetterRoutes, discardRoute, getRoute, listRoute, redriveManyRoute, redriveRoute } from './routes.ts';
export { findByMessage } from './list.ts';
export { archiveTable, type ArchiveTable } from '../archive/record.ts';
