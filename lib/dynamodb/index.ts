export { readItem } from './read-item.ts';
export { writeItem } from './write-item.ts';
export { type Item } from './effects.ts';
export { type Key } from './item.ts';
export { sendToDynamo } from './send.ts';
export { store, tableName } from './store.ts';
export { fromAttributes, toMap as toAttributes } from './value.ts';
export { requestLimits } from '../runtime/timeout.ts';
