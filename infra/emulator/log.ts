/** The methods of Serverless's plugin log that the emulated event source uses. */
export interface Log {
  notice(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}
