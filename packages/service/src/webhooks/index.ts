/** Entry `@holdfast/service/webhooks`: signed requests to HTTP endpoints, but only to allowed addresses. */
export { hostOf, isPublicAddress, urlProblem } from "./addresses.ts";
export { type Answer, type Meaning, meaningOf } from "./answers.ts";
export { Poster } from "./post.ts";
export { readSecret, type SigningKey, sign, signatureProblem } from "./signature.ts";
