/** What differs between the services that are asked over HTTP; all else is in service-client.ts. */
export interface Service {
  /** As messages call it. */
  readonly name: string;
  /** Its base address without a slash at the end; nothing but the origin of it gets the token. */
  readonly url: string;
  /** The setting that holds {@link url}. */
  readonly setting: string;
  /** Headers of every request, besides the usual ones. */
  readonly headers: Readonly<Record<string, string>>;
  /** The header with the id that we give a request. */
  readonly ownIdHeader: string;
  /** Whether a request keeps that id when it is sent again: the service tells a repetition by it. */
  readonly keepsOwnId: boolean;
  /** The header that ties requests of one errand together; null where the service has none. */
  readonly correlationHeader: string | null;
  /** The header in which the service names a request. */
  readonly requestIdHeader: string;
  /** Code and message of an error body; empty texts where it has none. */
  errorOf(body: unknown): ServiceErrorBody;
  readonly hints: ServiceHints;
}

/** What the body of a refusal says. */
export interface ServiceErrorBody {
  readonly code: string;
  readonly message: string;
}

/** What to do about a refusal. */
export interface ServiceHints {
  /** What a 403 means, as the end of a message. */
  readonly missing: string;
  /** By status. */
  readonly 400: string;
  readonly 401: string;
  readonly 403: string;
  readonly 404: string;
  readonly other: string;
  /** By the error's code, where it says more than the status. */
  readonly byCode: Readonly<Record<string, string>>;
}
