// The public surface of @parlor/react.

export {
  useConnection,
  useConversation,
  useConversations,
  useMessages,
  useReadable,
} from "./hooks";
export { ParlorProvider, useParlor } from "./provider";
