import { levels, type Level } from '../runtime/log.ts';
import { defineSettings, setting, wholeNumber } from '../runtime/settings.ts';
import type { Outcome } from '../message/outcome.ts';

type OutcomeLogLevels = Readonly<Record<Outcome['is'], Level>>;

const DEFAULT_LEVELS: OutcomeLogLevels = {
  completed: 'INFO',
  rejected: 'INFO',
  duplicate: 'DEBUG',
  retry: 'WARN',
  postponed: 'INFO',
  'dead-letter': 'WARN',
  unfinished: 'WARN',
};

const OUTCOMES = Object.keys(DEFAULT_LEVELS);
const PAIR = `(?:${OUTCOMES.join('|')})=(?:${levels.join('|')})`;
const PAIRS = new RegExp(`^${PAIR}(?:,${PAIR})*$`);

const readLevels = (text: string): OutcomeLogLevels | undefined =>
  PAIRS.test(text)
    ? { ...DEFAULT_LEVELS, ...Object.fromEntries(text.split(',').map((pair) => pair.split('='))) }
    : undefined;

export const consumerSettings = defineSettings({
  MESSAGE_TIME_LIMIT_MS: wholeNumber('how long the rule may take for one message, in ms', 10_000, 10, 600_000),
  BATCH_CONCURRENCY: wholeNumber('messages of one batch whose rules run at the same time', 32, 1, 1_000),
  OUTCOME_LOG_LEVELS: setting(readLevels, DEFAULT_LEVELS, {
    description:
      'log level of the line for each message, by the outcome of the message; by default WARN for the outcomes retry, dead-letter and unfinished, DEBUG for duplicate, and INFO for the others',
    must: `pairs of an outcome (${OUTCOMES.join(', ')}) and a level (${levels.join(', ')}), separated by commas`,
    example: 'completed=DEBUG,rejected=WARN',
  }),
  COMPLETED_LINES_PER_BATCH: wholeNumber(
    'largest number of completed messages, and of duplicates, of one batch that have a log line of their own',
    100,
    0,
    10_000,
  ),
});

export type ConsumerSettings = NonNullable<(typeof consumerSettings)['type']>;
