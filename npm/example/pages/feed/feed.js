// Shows the state of one session. The session survives a lost connection, a server that is silent, and
// the time that the program spends in the background, until the page is left.
import WebsocketHeartbeat from 'websocket-heartbeat';

// Set the address of your server here. It must answer each message with some message.
const URL = 'wss://example.org/feed';

const SHOWN = 20;

Page({
  data: {
    // One of connecting, open, waiting and closed.
    state: 'connecting',
    detail: '',
    messages: [],
  },

  onLoad() {
    this.left = false;
    this.received = 0;
    WebsocketHeartbeat({
      miniprogram: wx,
      connectSocketParams: { url: URL },
      // Messages that are sent without a connection wait for the next one.
      keep: true,
      // The programs of all users do not return at once when the server has been restarted.
      backoff: true,
    }).then(task => {
      this.task = task;
      task.onOpen = () => this.show('open');
      task.onMessage = ({ data }) => this.addMessage(data);
      task.onReconnect = ({ attempt, delay, cause }) => {
        this.show('waiting', `attempt ${attempt} in ${Math.round(delay)} ms: ${cause}`);
      };
      task.onEnd = ({ reason }) => this.show('closed', reason);
      // The page was left before the task was there.
      if (this.left) task.close();
    });
  },

  onUnload() {
    this.left = true;
    if (this.task) this.task.close();
  },

  send() {
    this.task.send({ data: new Date().toISOString(), fail: ({ errMsg }) => this.addMessage(errMsg) });
  },

  reconnect() { this.task.reconnect(); },

  close() { this.task.close(); },

  addMessage(text) {
    const messages = [{ number: ++this.received, text: String(text) }].concat(this.data.messages);
    this.setData({ messages: messages.slice(0, SHOWN) });
  },

  show(state, detail = '') {
    if (!this.left) this.setData({ state, detail });
  },
});
