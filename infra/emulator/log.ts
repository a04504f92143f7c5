/** Where an event source speaks to people; the shape of the log that Serverless gives its plugins. */
export interface Log {
  notice(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}
