// Writes through REST what would take too long to type: history for a thread, members for a group.

import { PASSWORD } from "./person";

async function post(url: string, body: unknown, token?: string): Promise<Response> {
  const reply = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}: ${await reply.text()}`);
  return reply;
}

/** Sends `contents` one after another, as the person with this handle. */
export async function writesOver(
  server: string,
  handle: string,
  conversationId: string,
  contents: readonly string[],
): Promise<void> {
  const login = await post(`${server}/api/v1/auth/login`, { login: handle, password: PASSWORD });
  const { accessToken } = (await login.json()) as { accessToken: string };
  for (const content of contents) {
    await post(
      `${server}/api/v1/conversations/${conversationId}/messages`,
      { content },
      accessToken,
    );
  }
}

/** Makes accounts that nobody looks through; answers their ids. */
export async function registers(server: string, handles: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const handle of handles) {
    const reply = await post(`${server}/api/v1/auth/register`, { handle, password: PASSWORD });
    ids.push(((await reply.json()) as { user: { id: string } }).user.id);
  }
  return ids;
}

/** Adds members to a conversation, as the person with this handle. */
export async function adds(
  server: string,
  handle: string,
  conversationId: string,
  userIds: readonly string[],
): Promise<void> {
  const login = await post(`${server}/api/v1/auth/login`, { login: handle, password: PASSWORD });
  const { accessToken } = (await login.json()) as { accessToken: string };
  await post(`${server}/api/v1/conversations/${conversationId}/members`, { userIds }, accessToken);
}
