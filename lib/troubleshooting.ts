export { errorCauses } from './runtime/error-causes.ts';
export { attemptCodes, deadLetterCodes, publishCodes } from './runtime/error-codes.ts';
export { problemGuide } from './http/problem-guide.ts';
export { problems } from './http/problems.ts';
