/** Tells the person at the keyboard one line. */
export type Say = (line: string) => void;

/** Lines of progress on standard output, told apart from the log by their arrow. */
export const say: Say = (line) => {
  process.stdout.write(`› ${line}\n`);
};

/** One line on standard error. */
export const complain: Say = (line) => {
  process.stderr.write(`surehop: ${line}\n`);
};
