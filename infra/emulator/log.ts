/** The part of the logger of Serverless that the event source emulator uses. */
export interface Log {
  notice(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}
