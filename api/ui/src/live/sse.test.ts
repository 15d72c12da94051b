import { expect, test } from 'vitest';

import { type Message, SseParser } from './sse';

const stream = 'event: figures\ndata: {"a":1}\n\n: a comment\nid: 7\nretry: 10\n\ndata: one\ndata:two\n\nevent: only\n\ndata\n\n';
const want: Message[] = [
  { event: 'figures', data: '{"a":1}' },
  { event: 'message', data: 'one\ntwo' },
  { event: 'message', data: '' },
];

test('messages are read', () => {
  expect(new SseParser().push(stream)).toEqual(want);
});

test.each([['\\r\\n', '\r\n'], ['\\r', '\r']])('lines may end in %s', (_, end) => {
  // The text after the stream shows that a final \r is not half of \r\n.
  expect(new SseParser().push(stream.replaceAll('\n', end) + ':')).toEqual(want);
});

test.each([['\n'], ['\r\n']])('the pieces may be cut anywhere (%j)', (end) => {
  const text = `\uFEFF${stream.replaceAll('\n', end)}`;
  for (let size = 1; size < text.length; size++) {
    const parser = new SseParser();
    const got: Message[] = [];
    for (let i = 0; i < text.length; i += size) got.push(...parser.push(text.slice(i, i + size)));
    got.push(...parser.push(':'));
    expect(got, `pieces of ${size}`).toEqual(want);
  }
});

test('a message that is not complete is not a message', () => {
  expect(new SseParser().push('data: half\n')).toEqual([]);
});
