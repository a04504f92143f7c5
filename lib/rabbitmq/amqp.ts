export { percentDecoded } from './address.ts';
export { propertiesInEvent, type PropertyBytes } from './decode-properties.ts';
export { closeConnection, dropConnection, openConnection, useConnection, withConnection } from './open-connection.ts';
export { useRawFrames, type RawProperties } from './raw-frames.ts';
export { NoAnswerError, within } from '../runtime/timeout.ts';
