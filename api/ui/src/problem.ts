interface Wire {
  title?: string;
  detail?: string;
  request_id?: string;
}

/**
 * What an application/problem+json body (RFC 9457) says, as one sentence, or
 * `otherwise` where the body is something else: a proxy in between has answered.
 */
export function problem(body: string, otherwise: string): string {
  try {
    const { detail, title, request_id: id } = JSON.parse(body) as Wire;
    const sentence = detail ?? title;
    if (sentence !== undefined) return id ? `${sentence} (request ${id})` : sentence;
  } catch {
    // Not JSON.
  }
  return otherwise;
}
