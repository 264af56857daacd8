// Who may connect: an HS256 token in the bench's secret. Its `rooms` claim names the conversations of its user, as a
// host application that already knows its members would say it; so no peer pays for a look-up of members.
import jwt from "jsonwebtoken";

const secret = process.env.JWT_SECRET;
if (!secret) throw new Error("JWT_SECRET is not set");

/** The user's id and rooms; throws when the token is not valid. */
export function verify(token) {
  const { sub, rooms = [] } = jwt.verify(token, secret, { algorithms: ["HS256"] });
  return { user: sub, rooms };
}
