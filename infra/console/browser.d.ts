/** A script for browsers, which the bundler of the functions bundles together with its style sheets. */
declare module 'browser:*' {
  export const script: string;
  export const style: string;
}

declare module '*.css';
