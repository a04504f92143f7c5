import type { BatchReport } from 'surehop/consumer';

type StateClass = 'good' | 'warn' | 'bad' | '';

const ofOutcomes: Readonly<Record<keyof BatchReport['counts'], StateClass>> = {
  completed: 'good',
  rejected: 'warn',
  duplicate: '',
  retry: 'warn',
  postponed: 'warn',
  'dead-letter': 'bad',
  unfinished: 'warn',
};

const classes: ReadonlyMap<string, StateClass> = new Map(
  Object.entries<StateClass>({
    ...ofOutcomes,
    fulfilled: 'good',
    accepted: 'good',
    published: 'good',
    retrying: 'warn',
    discarded: 'warn',
    superseded: 'warn',
    processing: 'warn',
    redriven: 'warn',
    'dead-lettered': 'bad',
    failed: 'bad',
    unreadable: 'bad',
  }),
);

/** Returns the CSS class for the outcome or the state of a message, or for a step of a timeline. */
export const stateClass = (state: string): string => classes.get(state) ?? '';
