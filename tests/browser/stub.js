// A server within the page: what it answers is made up, and it says as much as a test wants.

const at = () => new Date().toISOString();
let id = 0;

window.stub = {
  groups: [],
  mine: [],
  users: ['alice', 'bob'],
  // How many messages `/history` has to give.
  kept: 0,
  // The lines that the page has sent, without those of the login.
  lines: [],

  tell(event) { this.socket.onmessage({ data: JSON.stringify(event) }); },

  said(more) {
    id += 1;
    return { event: 'broadcast', id, at: at(), from: 'bob', text: `number ${id}.`, ...more };
  },

  answer(tag, line) {
    const [word, ...rest] = line.split(' ');
    this.lines.push(line);
    const reply = (event) => this.tell({ ...event, tag });
    if (word === '/whoami') return reply({ event: 'whoami', name: 'alice', peer: '', sessions: 1, groups: this.mine, talking: null });
    if (word === '/users') return reply({ event: 'users', users: this.users.map((name) => ({ name, away: null })) });
    if (word === '/groups') return reply({ event: 'groups', names: this.groups, topics: [] });
    if (word === '/ping') return reply({ event: 'pong', text: '' });
    if (word === '/help') return reply({ event: 'error', code: 'unknown_command', text: 'Error: Unknown command.' });
    if (word === '/broadcast') return reply(this.said({ from: 'alice', text: rest.join(' ') }));
    if (word === '/history') {
      const messages = Array.from({ length: this.kept }, () => { const { event, ...message } = this.said(); return message; });
      this.kept = 0;
      reply({ event: 'history', of: rest[0], count: messages.length, before: null });
      return messages.length && reply({ event: 'past', messages });
    }
    return reply({ event: 'ok' });
  },

  // Tells as many events as come within one frame, and lets the page draw that.
  frame(count, make) {
    for (let n = 0; n < count; n += 1) this.tell(make(this.told++));
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  },

  told: 0,
};

window.WebSocket = class {
  static OPEN = 1;
  static CLOSED = 3;
  readyState = 1;

  constructor() {
    this.login = 2;
    window.stub.socket = this;
    setTimeout(() => this.onopen());
  }

  close() {}

  send(text) {
    if (this.login > 0) {
      this.login -= 1;
      if (this.login === 0) setTimeout(() => window.stub.tell({ event: 'welcome', text: null }));
      return;
    }
    const [, tag, line] = text.match(/^\/tag (\S+) (.*)$/);
    setTimeout(() => window.stub.answer(tag, line));
  }
};
