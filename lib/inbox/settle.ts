import { CodedError, StoreUnavailableError, errorCodes } from '../runtime/errors.ts';
import type { MessageId } from '../events/message-id.ts';
import type { Findings } from './cancellation.ts';
import type { CommitResult, Marker } from './inbox.ts';
import { isHandedOff, toMarker } from './marker.ts';
import type { Member } from './member.ts';
import type { Store } from '../dynamodb/store.ts';
import type { Scope } from './table.ts';
import type { Scarce } from './scarce.ts';
import type { Transaction } from './transaction.ts';

/** All that the groups of one commit share. */
export interface Commit extends Store {
  readonly scope: Scope;
  readonly scarce: Scarce;
  readonly signal: AbortSignal;
  readonly results: CommitResult[];
  /** Reads markers that a cancellation did not show. */
  readonly find: (ids: readonly MessageId[]) => Promise<Map<MessageId, Marker>>;
  /** Set once the store did not answer or refuses everything, so that groups not begun by then are not begun. */
  storeAway?: Error;
  /** Whether each table that was looked for exists, by full name. */
  readonly exists: Map<string, Promise<boolean>>;
  /** What DynamoDB answered to a marker that belongs to no message. */
  markerProbe?: Promise<unknown>;
}

export function unfinished(commit: Commit, members: Iterable<Member>, error: Error): void {
  for (const { index } of members) commit.results[index] = { is: 'unfinished', error };
}

/** A message that may be in the store after all must not be called failed: it comes back and is looked up. */
function failed(commit: Commit, { index, lostAt }: Member, error: Error): void {
  commit.results[index] = lostAt
    ? { is: 'unfinished', error: new StoreUnavailableError({ cause: error }) }
    : { is: 'failed', error };
}

export function failedWith(commit: Commit, member: Member, code: keyof typeof errorCodes): void {
  failed(commit, member, new CodedError(code, errorCodes[code]));
}

/** No permanent error: what stands in the table, such as text where a number is added to, may be mended meanwhile. */
export function failedInvalid(commit: Commit, member: Member, cause: unknown): void {
  const said = cause instanceof Error ? cause.message : String(cause);
  failed(commit, member, new CodedError('INVALID_EFFECT', `DynamoDB refuses the effects: ${said}`, { cause }));
}

export function settleCommitted({ results }: Commit, { chosen, markers }: Transaction): void {
  for (const [position, { member }] of chosen.entries()) {
    const marker = markers[position]!;
    results[member.index] = { is: marker.state, marker };
  }
}

/** Settles a message whose marker stood in the way; `false` where that marker gives way by now. */
function settleOne(commit: Commit, member: Member, marker: Marker): boolean {
  const { index, entry } = member;
  if (marker.state === 'completed' || marker.state === 'rejected') {
    const isOwn = marker.at === member.lostAt;
    const isSame = marker.payloadHash === entry.payloadHash;
    commit.results[index] = isSame ? { is: isOwn ? marker.state : 'duplicate', marker } : { is: 'mismatch' };
    return true;
  }
  if (marker.state === 'dead-lettered' && isHandedOff(marker, entry)) {
    commit.results[index] = { is: 'parked', marker };
    return true;
  }
  if (marker.state !== 'leased' || marker.leaseExpiresAtMs <= commit.clock.now()) return false;
  failedWith(commit, member, 'LEASED');
  return true;
}

/** Settles the messages whose markers stood in the way; returns those settled. Throws `StoreUnavailableError`. */
export async function settleMet(commit: Commit, met: Findings['met']): Promise<Set<Member>> {
  const settled = new Set<Member>();
  const unseen = met.filter(([, item]) => item === undefined).map(([{ entry }]) => entry.id);
  const found = unseen.length === 0 ? undefined : await commit.find(unseen);
  for (const [member, item] of met) {
    const marker = item === undefined ? found?.get(member.entry.id) : toMarker(commit.scope.queue, item);
    if (marker !== undefined && settleOne(commit, member, marker)) settled.add(member);
  }
  return settled;
}
