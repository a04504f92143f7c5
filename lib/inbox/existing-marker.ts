import { textOf } from '../runtime/error-codes.ts';
import { CodedError } from '../runtime/errors.ts';
import type { CommitResult, Entry, FoundMarker } from './inbox.ts';
import { isHandedOff } from './marker.ts';

/**
 * Returns the commit result of a message that already has the inbox marker `marker`, for example `duplicate`. Returns
 * `undefined` if the commit may replace this marker, for example because the marker records an earlier attempt.
 */
export function resultForMarker(marker: FoundMarker, entry: Entry, nowMs: number): CommitResult | undefined {
  switch (marker.state) {
    case 'completed':
    case 'rejected':
      return marker.payloadHash === entry.payloadHash ? { is: 'duplicate', marker } : { is: 'mismatch' };
    case 'dead-lettered':
      return isHandedOff(marker, entry) ? { is: 'parked', marker } : undefined;
    case 'leased':
      return marker.leaseExpiresAtMs > nowMs && marker.owner !== entry.leaseOwner
        ? { is: 'failed', error: new CodedError('LEASED', textOf('LEASED')) }
        : undefined;
    case 'retrying':
      return undefined;
    case 'unreadable':
      return { is: 'failed', error: marker.error };
  }
}
