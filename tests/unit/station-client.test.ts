import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  buildStationRequest,
  nextShot,
  postPhoto,
  type StationRequestOptions,
  sendStationRequest,
} from '../../scripts/station.ts';

const PHOTO = Buffer.from([0xff, 0xd8, 0xff, 0x0d, 0x0a, 0x2d, 0x2d, 0xff, 0xd9]);
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function listen(server: Server | HttpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ingest/slot-001?token=a%20b`;
}

function http(listener: RequestListener): Promise<string> {
  return listen(createServer(listener));
}

function tcp(onConnection: (socket: Socket) => void): Promise<string> {
  return listen(
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    }),
  );
}

function post(
  url: string,
  options: Partial<StationRequestOptions> & { timeoutMs?: number; signal?: AbortSignal } = {},
) {
  return postPhoto({ url, password: 'letmein', photo: PHOTO, timeoutMs: 5000, ...options });
}

function requestText(options: Partial<StationRequestOptions> = {}): { head: string; body: string } {
  const request = buildStationRequest({
    url: 'http://booth:8080/ingest/slot-001?t=1',
    password: 'letmein',
    photo: PHOTO,
    ...options,
  });
  const body = Buffer.concat(request.body);
  expect(body.length).toBe(request.bodySizeBytes);
  return { head: request.head.toString(), body: body.toString('latin1') };
}

describe('the station’s request', () => {
  it('has the header fields of DSLR Remote Pro', () => {
    const { head, body } = requestText();
    const boundary = body.slice(2, body.indexOf('\r\n'));
    expect(head.split('\r\n')).toEqual([
      'POST /ingest/slot-001?t=1 HTTP/1.1',
      'Host: booth:8080',
      'Accept: */*',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
      `Content-Type: multipart/form-data; boundary=${boundary}`,
      'Connection: close',
      '',
      '',
    ]);
  });

  it('has the fields in the captured order, and the file last', () => {
    const { body } = requestText();
    const names = [...body.matchAll(/ name="([^"]+)"/g)].map((match) => match[1]);
    expect(names).toEqual([
      ...['time', 'user_id', 'id', 'profile', 'status', 'hash', 'name', 'model', 'version', 'password'],
      'fileToUpload',
    ]);
    expect(body).toMatch(/name="id"\r\n\r\n\d{12}_\d{8}\.\r\n--/);
    expect(body).toMatch(/name="hash"\r\n\r\n[0-9a-f]{40}\r\n--/);
    expect(body).toContain('name="version"\r\n\r\n3.30.2\r\n--');
    const boundary = body.slice(0, body.indexOf('\r\n'));
    const fileHead =
      'Content-Disposition: form-data; name="fileToUpload"; filename="IMG_0003.JPG"\r\nContent-Type: image/jpeg\r\n\r\n';
    expect(body.endsWith(`${boundary}\r\n${fileHead}${PHOTO.toString('latin1')}\r\n${boundary}--\r\n`)).toBe(true);
  });

  it('carries the password after the file and other fields when asked', () => {
    const { body } = requestText({ passwordFirst: false, extraFields: { survey1_name: 'Аня' }, fileName: 'B.JPG' });
    const names = [...body.matchAll(/ name="([^"]+)"/g)].map((match) => match[1]);
    expect(names.slice(-3)).toEqual(['survey1_name', 'fileToUpload', 'password']);
    expect(body).toContain('filename="B.JPG"');
  });

  it('is another shot each time it is built, and as a copy that differs in nothing but the number of the shot', () => {
    const numberOf = (body: string) => /name="id"\r\n\r\n(\d{12}_\d{8}\.)/.exec(body)?.[1] ?? 'none';
    expect(numberOf(requestText().body)).not.toBe(numberOf(requestText().body));
    const request = buildStationRequest({ url: 'http://booth/', password: 'p', photo: PHOTO });
    const [first, second] = [request, nextShot(request)].map(({ body }) => Buffer.concat(body).toString('latin1'));
    expect(second).not.toBe(first);
    expect(second).toBe(first?.replace(numberOf(first), numberOf(second ?? '')));
  });

  it('refuses what a station could not send', () => {
    expect(() => requestText({ url: 'https://booth/ingest/slot-001' })).toThrow(TypeError);
    expect(() => requestText({ fileName: 'a"\r\nX: y' })).toThrow(TypeError);
  });
});

describe('the station on the wire', () => {
  it('sends exactly the built bytes and reads the whole answer', async () => {
    const answerBody = Buffer.alloc(700_000, 7);
    const photo = Buffer.alloc(1_500_000, 1);
    const received: Buffer[] = [];
    const url = await http((request, response) => {
      request.on('data', (bytes: Buffer) => received.push(bytes));
      request.on('end', () =>
        response.writeHead(200, { 'Content-Type': 'image/jpeg', 'X-Job-Id': 'j' }).end(answerBody),
      );
    });
    const request = buildStationRequest({ url, password: 'p', photo });
    const answer = await sendStationRequest(request, { timeoutMs: 5000 });
    expect(Buffer.concat(received).equals(Buffer.concat(request.body))).toBe(true);
    expect([answer.status, answer.headers.get('x-job-id')]).toEqual([200, 'j']);
    expect(answer.body.equals(answerBody)).toBe(true);
    const { connectMs, continueMs, sentMs, firstByteMs, totalMs } = answer.timing;
    const moments = [0, connectMs, continueMs ?? -1, sentMs ?? -1, firstByteMs, totalMs];
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
  });

  it('can send one built request many times at once', async () => {
    const url = await http((request, response) => request.resume().on('end', () => response.end('ok')));
    const request = buildStationRequest({ url, password: 'p', photo: PHOTO });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => sendStationRequest(request, { timeoutMs: 5000 })),
    );
    expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(Array(8).fill('200 ok'));
  });

  it('waits for 100 Continue before the first byte of the body', async () => {
    let early = 'nothing yet';
    const url = await tcp((socket) => {
      socket.once('data', (bytes) => {
        early = bytes.toString();
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      });
    });
    const answer = await post(url);
    expect(early.endsWith('\r\n\r\n')).toBe(true);
    expect(answer.timing.continueMs).not.toBeNull();
    expect(answer.body.toString()).toBe('ok');
  });

  it('sends the body in the end when 100 Continue never comes', async () => {
    const url = await tcp((socket) => {
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (text.endsWith('--\r\n')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    });
    const request = buildStationRequest({ url, password: 'p', photo: PHOTO });
    const { timing } = await sendStationRequest(request, { timeoutMs: 5000, continueWaitMs: 5 });
    expect([timing.continueMs, timing.sentMs === null]).toEqual([null, false]);
  });

  it('sends at once when it expects nothing', async () => {
    const url = await http((request, response) => {
      expect(request.headers.expect).toBeUndefined();
      request.resume().on('end', () => response.end());
    });
    const { timing } = await post(url, { expectContinue: false });
    expect([timing.continueMs, timing.sentMs === null]).toEqual([null, false]);
  });

  it('takes a refusal in place of 100 Continue and sends nothing of the body', async () => {
    let bodyBytes = 0;
    const url = await tcp((socket) => {
      socket.once('data', () => {
        socket.on('data', (bytes) => {
          bodyBytes += bytes.length;
        });
        socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
      });
    });
    const answer = await post(url);
    expect([answer.status, answer.body.toString(), answer.timing.sentMs]).toEqual([401, '{}', null]);
    expect(bodyBytes).toBe(0);
  });

  it('stops sending when the answer comes in the middle of the upload', async () => {
    let bodyBytes = 0;
    const url = await tcp((socket) => {
      socket.on('data', (bytes) => {
        bodyBytes += bytes.length;
        if (bodyBytes === bytes.length) socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig');
      });
    });
    const answer = await post(url, { photo: Buffer.alloc(64 * 1024 * 1024), expectContinue: false });
    expect([answer.status, answer.body.toString(), answer.timing.sentMs]).toEqual([413, 'big', null]);
    expect(bodyBytes).toBeLessThan(64 * 1024 * 1024);
  });

  it.each([
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n'],
    ['until the connection ends', '\r\nabc'],
    ['with a length', 'Content-Length: 3\r\n\r\nabc'],
  ])('reads a body that comes %s, in single bytes', async (_, rest) => {
    const url = await tcp((socket) => {
      socket.setNoDelay(true);
      socket.once('data', async () => {
        for (const byte of Buffer.from(`HTTP/1.1 200 OK\r\nX: 1\r\nX: 2\r\n${rest}`)) {
          await new Promise((sent) => socket.write(Buffer.from([byte]), sent));
        }
        socket.end();
      });
    });
    const answer = await post(url);
    expect([answer.status, answer.headers.get('x'), answer.body.toString()]).toEqual([200, '1, 2', 'abc']);
  });
});

describe('a station without an answer', () => {
  it.each([
    ['before the answer', '', 'closed'],
    ['in the middle of the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'closed'],
    ['after nonsense', 'SSH-2.0-OpenSSH\r\n\r\n', 'malformed_answer'],
    ['after a chunk of no size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'malformed_answer'],
  ])('says so when the connection ends %s', async (_, bytes, code) => {
    const url = await tcp((socket) => socket.once('data', () => socket.end(bytes)));
    await expect(post(url)).rejects.toMatchObject({ name: 'StationError', code });
  });

  it('says so when the connection is reset', async () => {
    const url = await tcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(post(url)).rejects.toMatchObject({ name: 'StationError', code: 'closed' });
  });

  it('says so when nobody listens', async () => {
    const server = createTcpServer();
    const url = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    await expect(post(url)).rejects.toMatchObject({ name: 'StationError', code: 'unreachable' });
  });

  it('gives up at its time limit and closes the connection', async () => {
    const closed = Promise.withResolvers<void>();
    const url = await tcp((socket) => {
      socket.resume().on('close', () => closed.resolve());
    });
    await expect(post(url, { timeoutMs: 20 })).rejects.toMatchObject({ name: 'StationError', code: 'timeout' });
    await closed.promise;
  });

  it('rejects with the reason of the abort and closes the connection', async () => {
    const controller = new AbortController();
    const reason = new Error('the guest left');
    const closed = Promise.withResolvers<void>();
    const url = await tcp((socket) => {
      socket.on('close', () => closed.resolve());
      socket.once('data', () => controller.abort(reason));
    });
    await expect(post(url, { signal: controller.signal })).rejects.toBe(reason);
    await closed.promise;
    await expect(post(url, { signal: controller.signal })).rejects.toBe(reason);
  });
});
