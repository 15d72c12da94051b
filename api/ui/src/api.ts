// Requests to the server's interface, and its refusals.

import { problem } from './problem';

/** What the server says when it does not do what was asked. The message is fit for the reader. */
export class Refusal extends Error {
  constructor(
    message: string,
    /** The HTTP status; 0 where no answer came. */
    readonly status: number,
    /** The server's stable name of the fault, such as model_not_trained; empty where something else answered. */
    readonly code = '',
    /** JSON pointer of the field at fault, such as /watch/threshold; empty where it is about none. */
    readonly field = '',
  ) {
    super(message);
  }
}

/** Asks for path, which is relative to the page. Rejects with a Refusal. */
export function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>('GET', path, undefined, signal);
}

/** Sends body as JSON, or nothing where it is undefined. Rejects with a Refusal. */
export function send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object, signal?: AbortSignal): Promise<T> {
  return request<T>(method, path, body, signal);
}

async function request<T>(method: string, path: string, body: object | undefined, signal: AbortSignal | undefined): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(new URL(path, document.baseURI), {
    method,
    headers,
    cache: 'no-store',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch(unreached);
  const text = await response.text();
  if (!response.ok) throw refusalOf(response.status, text);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

function unreached(error: unknown): never {
  if (error instanceof TypeError) throw new Refusal('The server cannot be reached.', 0);
  throw error;
}

/** Reads an answer that is no success. */
export function refusalOf(status: number, body: string): Refusal {
  const message = problem(body, `The server answered ${status}.`);
  try {
    const { code, field, detail } = JSON.parse(body) as { code?: string; field?: string; detail?: string };
    // What stands beside a field is for whoever typed it: nobody looks its request up.
    return new Refusal(field ? detail ?? message : message, status, code, field);
  } catch {
    return new Refusal(message, status);
  }
}

/** Any error as a sentence for the reader. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** path with the parameters that are there; lists repeat their name. */
export function withParameters(path: string, parameters: Record<string, string | number | string[] | null>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}
