// The connection: logs in with its first message, and comes back by itself until it is told not to.

const SLOWEST = 15000;
const AGAIN = ['shutdown', 'panic', 'idle', 'server_full', 'crowded_out', 'login_failed', 'login_timeout'];

export class Net {
  // `on.event(object)` for each event, `on.state(word)` for open, offline, refused, closed.
  constructor(on) {
    this.on = on;
    this.wait = 0;
  }

  // Logs in with these lines, and whenever the connection is lost with `again`: nobody registers twice.
  start(lines, again = lines) {
    Object.assign(this, { lines, again, wanted: true, was: false, wait: 0, closed: undefined, refused: undefined });
    this.connect();
  }

  // From now on comes back with these lines instead.
  remember(lines) {
    this.again = lines;
  }

  send(line) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(line);
    return true;
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`, 'parlor.v1');
    this.socket = socket;
    // One message for each line: an empty one, as a guest's password is, counts too.
    socket.onopen = () => (this.was ? this.again : this.lines).forEach((line) => socket.send(line));
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      const event = JSON.parse(data);
      this.take(event);
      this.on.event(event);
    };
    socket.onclose = () => socket === this.socket && this.lost();
  }

  take(event) {
    if (event.event === 'welcome') {
      this.was = true;
      this.wait = 0;
      this.on.state('open');
    } else if (['login_failed', 'registration_failed', 'address_banned'].includes(event.event)) {
      this.refused = event;
      // The old session may not be seen dead yet, and a full server may have room later.
      this.wanted &&= this.was && ['already_logged_in', 'too_many_connections', 'unavailable'].includes(event.code);
    } else if (event.event === 'closed' && !AGAIN.includes(event.reason)) {
      this.wanted = false;
      this.closed = event;
    }
  }

  lost() {
    if (!this.wanted || !this.was) return this.on.state(this.refused ? 'refused' : 'closed');
    this.refused = undefined;
    this.on.state('offline');
    this.wait = Math.min(SLOWEST, this.wait * 2 || 250);
    this.timer = setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
  }

  // The network is back, or the page is looked at again: do not wait any longer.
  hurry() {
    if (this.wanted && this.was && this.socket?.readyState === WebSocket.CLOSED) {
      this.wait = 0;
      this.connect();
    }
  }
}
