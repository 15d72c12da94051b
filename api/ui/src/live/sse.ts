// Server-sent events out of a stream of text, as the HTML standard words it
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
//
// EventSource is not used: it hides the status of a refused request, cannot
// carry a key, and its pauses between tries cannot be seen.

export interface Message {
  event: string;
  data: string;
}

export class SseParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private started = false;

  /** Takes the next piece of text, cut anywhere, and returns the messages it completes. */
  push(text: string): Message[] {
    if (!this.started && text !== '') {
      this.started = true;
      text = text.replace(/^\uFEFF/, '');
    }
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    // A final \r may be half of \r\n: it waits for the next piece.
    this.rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.line(line));
  }

  private line(line: string): Message[] {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.data.push(value);
    if (field === 'event') this.event = value;
    return []; // comments, ids and retry hints are of no use here
  }

  private dispatch(): Message[] {
    const { event, data } = this;
    this.event = '';
    this.data = [];
    return data.length === 0 ? [] : [{ event: event || 'message', data: data.join('\n') }];
  }
}
