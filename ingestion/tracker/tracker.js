/* Browser tracker of Customer Lakehouse: no dependencies, consent first; docs/tracker.md. */
(() => {
  'use strict';
  const script = document.currentScript || document.querySelector('script[data-source]');
  if (!script || !script.dataset.source || window.lakehouse) return;

  const option = script.dataset;
  const words = (text) => text.split(/[\s,]+/);
  const { source } = option;
  const endpoint = (option.collector || new URL(script.src || location).origin).replace(/\/$/, '') + '/v1/events';
  const searchParameters = words(option.search ?? 'q,query,search,s');
  const keptParameters = words(option.params ?? '').concat(searchParameters);
  const STATE = `lakehouse.${source}`;
  const QUEUE = `${STATE}.queue`;
  const SESSION_IDLE_MS = 30 * 60 * 1000;
  const FLUSH_MS = 2000;
  const FLUSH_EVENTS = 10;
  const QUEUE_EVENTS = 200;
  const HOVER_MS = 1000;

  // Storage may be blocked: then all lives as long as the page.
  const read = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const write = (key, value) => {
    try {
      if (value) localStorage.setItem(key, JSON.stringify(value));
      else localStorage.removeItem(key);
    } catch {}
  };
  // randomUUID is there on secure pages only.
  const uuid = () =>
    crypto.randomUUID?.() ??
    '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
      (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
    );

  /* Consent: null until a choice is made; nothing is sent or stored until then. */
  const privacyControl = navigator.globalPrivacyControl === true;
  const DENIED = { analytics: false, marketing: false };
  let consent = null;
  let state = {}; // visitor, session, came, seen (last activity), customer, consent
  let customer; // as the page says; stored and sent with consent only

  const forget = () => {
    state = {};
    queue = [];
    write(STATE);
    write(QUEUE);
  };
  const decide = (choice) => {
    if (!choice) return consent && { ...consent };
    const before = consent;
    const { analytics, marketing } = choice;
    const next = privacyControl ? DENIED : { analytics: !!analytics, marketing: !!marketing };
    if (JSON.stringify(before) === JSON.stringify(next)) return { ...next };
    if (!next.analytics) forget();
    consent = next;
    emit('consent_changed', next);
    if (!before || (next.analytics && !before.analytics)) view();
    return { ...next };
  };

  /* Identity: made with consent, shared by tabs, so read anew for every event. */
  const load = () => {
    state = read(STATE) || state;
    if (Date.now() - state.seen > SESSION_IDLE_MS) end();
  };
  const end = () => {
    const { session, came, seen } = state;
    if (!session) return;
    // Several tabs may notice the same end; one id and no page make it one event.
    const occurred_at = new Date(seen).toISOString();
    const more = { event_id: `${session}-end`, occurred_at, context: undefined };
    push('session_end', { duration_ms: seen - came }, more);
    delete state.session;
    write(STATE, state);
  };
  const resume = () => {
    load();
    const { visitor, session } = state;
    const now = Date.now();
    if (!session) state = { visitor: uuid(), ...state, session: uuid(), came: now };
    state = { ...state, seen: now, customer: customer ?? state.customer, consent };
    write(STATE, state);
    if (!session) push('session_start', { is_returning: !!visitor });
  };

  /* Events */
  let page = { url: location.href, referrer: document.referrer };

  // Addresses may carry tokens or what a form sent, so only known parameters stay.
  const clean = (address) => {
    if (!address) return undefined;
    const url = new URL(address);
    const site = `${url.protocol}//${url.host}`;
    if (!consent.analytics) return address === page.url ? site + url.pathname : site;
    // A click id is kept as a mark: which click it was would name a person.
    const kept = [...url.searchParams]
      .map(([name, value]) => [name, /clid$/.test(name) ? 1 : value])
      .filter(([name, value]) => value === 1 || /^utm_/.test(name) || keptParameters.includes(name));
    const query = String(new URLSearchParams(kept));
    const route = /^#!?\/[^?]*/.exec(url.hash) ?? '';
    return (site + url.pathname + (query && `?${query}`) + route).slice(0, 2048);
  };
  const context = () => ({
    page_url: clean(page.url),
    referrer_url: clean(page.referrer),
    ...(consent.analytics && {
      page_title: document.title.slice(0, 512),
      language: navigator.language,
      screen_width: screen.width,
      screen_height: screen.height,
      viewport_width: innerWidth,
      viewport_height: innerHeight,
    }),
  });
  const push = (event_type, properties, more) => {
    let event = {
      event_id: uuid(),
      event_type,
      contract_version: 1,
      source,
      occurred_at: new Date().toISOString(),
      ...(consent.analytics && {
        visitor_id: state.visitor,
        session_id: state.session,
        customer_id: state.customer,
      }),
      properties: { ...properties },
      context: context(),
      consent: { ...consent },
      ...more,
    };
    try {
      const beforeSend = window[option.beforeSend];
      if (beforeSend) event = beforeSend(event);
      event = event && JSON.parse(JSON.stringify(event)); // the page cannot change it any more
    } catch (error) {
      return console.warn('lakehouse:', error);
    }
    if (!event) return;
    queue = [...queue, event].slice(-QUEUE_EVENTS);
    if (queue.length >= FLUSH_EVENTS) flush();
    else schedule(FLUSH_MS);
  };
  const emit = (type, properties) => {
    if (!consent) return;
    if (consent.analytics) resume();
    else if (type !== 'page_view' && type !== 'consent_changed') return;
    push(type, properties);
  };

  /* Delivery: at least once, always with the same event_id. */
  let queue = [];
  let flying = [];
  let timer = 0;
  let failures = 0;
  let notBefore = 0;
  let unanswered = false;

  const schedule = (ms) => {
    timer ||= setTimeout(flush, ms);
  };
  const body = (events) => {
    const sent_at = new Date().toISOString();
    return JSON.stringify({ events: events.map((event) => ({ ...event, sent_at })) });
  };
  // Tabs share the stored queue: it is changed event by event.
  const keep = (events, gone = []) => {
    if (!consent?.analytics) return;
    const ids = [...events, ...gone].map((event) => event.event_id);
    const others = (read(QUEUE) ?? []).filter((event) => !ids.includes(event.event_id));
    const all = others.concat(events).slice(-QUEUE_EVENTS);
    write(QUEUE, all.length && all);
  };
  const done = (events) => {
    queue = queue.filter((event) => !events.includes(event));
    keep([], events);
  };
  const flush = async () => {
    clearTimeout(timer);
    timer = 0;
    if (flying.length || !queue.length) return;
    const early = notBefore - Date.now();
    if (early > 0) return schedule(early);
    flying = queue.slice(0, FLUSH_EVENTS);
    const text = body(flying);
    const answer = await fetch(endpoint, {
      method: 'POST',
      body: text,
      headers: { 'Content-Type': 'application/json', ...(option.key && { 'X-Source-Key': option.key }) },
      keepalive: text.length < 20000, // browsers refuse more than 64 KiB
      credentials: 'omit',
    }).catch(() => null);
    unanswered = !answer;
    if (!answer || /^(5..|408|429)$/.test(answer.status)) {
      const asked = answer?.headers.get('Retry-After');
      const pause = 1000 * Math.min(2 ** failures++, 60) * (1 + Math.random() / 4);
      notBefore = Date.now() + Math.max(pause, asked * 1000 || Date.parse(asked) - Date.now() || 0);
      keep(queue);
    } else {
      // 400: the good ones are taken, and what is rejected once is rejected again.
      failures = 0;
      done(flying);
      if (!answer.ok) console.warn('lakehouse:', answer.status, await answer.text().catch(String));
    }
    flying = [];
    if (queue.length) schedule(queue.length < FLUSH_EVENTS ? FLUSH_MS : 0);
  };
  const beacon = () => {
    const waiting = queue.filter((event) => !flying.includes(event));
    // Nobody says whether a beacon arrived; in trouble, storage is safer.
    const trouble = failures || !navigator.onLine;
    const address = endpoint + (option.key ? `?key=${encodeURIComponent(option.key)}` : '');
    while (waiting.length && !(trouble && consent.analytics)) {
      const batch = waiting.splice(0, FLUSH_EVENTS);
      // As text/plain: a page that closes cannot wait for a preflight.
      if (!navigator.sendBeacon(address, new Blob([body(batch)], { type: 'text/plain' }))) break;
      done(batch);
    }
    if (queue.length) keep(queue);
  };

  /* Autocapture: what was done and where, never what was typed. */
  const path = (element) => {
    const steps = [];
    for (let each = element; each?.parentElement && steps.length < 4; each = each.parentElement) {
      if (each.id) return [`#${each.id}`, ...steps].join('>');
      const nth = [...each.parentElement.children].indexOf(each) + 1;
      steps.unshift(`${each.localName}:nth-child(${nth})`);
    }
    return steps.join('>') || 'html';
  };
  const named = (element) => element.closest?.('[data-track]');
  const nameOf = (element) => (named(element)?.dataset.track || path(element)).slice(0, 256);
  const ignored = (element) => element.closest?.('[data-track-ignore]');

  let viewTimer = 0;
  const view = () => {
    clearTimeout(viewTimer);
    viewTimer = 0;
    if (option.autocapture === 'false') return;
    emit('page_view');
    const given = new URL(page.url).searchParams;
    const query = searchParameters.map((name) => given.get(name)).find(Boolean);
    if (query) emit('search', { query });
  };

  let depth = 0;
  let depthSent = 0;
  const sendDepth = (reached) => {
    if (!consent || reached <= depthSent) return;
    depthSent = reached;
    emit('scroll', { depth_percent: reached });
  };
  const onScroll = () => {
    const seen = (scrollY + innerHeight) / document.documentElement.scrollHeight;
    depth = Math.max(depth, Math.min(100, Math.round(seen * 100)));
    sendDepth(depth - (depth % 25));
  };

  let hovered = null;
  let since = 0;
  const hover = (element) => {
    if (element === hovered) return;
    const duration_ms = Math.round(performance.now() - since);
    if (hovered && duration_ms >= HOVER_MS) emit('hover', { target: nameOf(hovered), duration_ms });
    hovered = element;
    since = performance.now();
  };

  const finish = () => {
    if (viewTimer) view();
    hover(null);
    sendDepth(depth);
  };
  const place = (address) => address.replace(/#(?!!?\/).*/, ''); // a jump within a page is no new page
  const navigate = () => {
    if (place(location.href) === place(page.url)) return;
    finish();
    page = { url: location.href, referrer: page.url };
    depth = depthSent = 0;
    viewTimer = setTimeout(view, 300); // frameworks set the title later
  };
  const leave = () => {
    if (!consent) return;
    finish();
    beacon();
  };

  const on = (target, type, act) => target.addEventListener(type, act, { capture: true, passive: true });
  const capture = () => {
    for (const method of ['pushState', 'replaceState']) {
      const original = history[method];
      history[method] = function (...given) {
        const result = original.apply(this, given);
        navigate();
        return result;
      };
    }
    on(window, 'popstate', navigate);
    on(window, 'pageshow', (event) => event.persisted && view());
    on(document, 'click', ({ target, pageX, pageY }) => {
      const where = { x: Math.round(pageX), y: Math.round(pageY), target: nameOf(target) };
      if (!ignored(target)) emit('click', where);
    });
    // Attributes: a field called "id" or "name" hides the form's own.
    on(document, 'submit', ({ target }) => {
      const form_id = target.getAttribute('name') || target.getAttribute('id') || nameOf(target);
      if (!ignored(target)) emit('form_submit', { form_id });
    });
    on(document, 'pointerover', ({ target, pointerType }) => {
      if (pointerType !== 'touch') hover(ignored(target) ? null : named(target));
    });
    on(document, 'pointerout', ({ relatedTarget }) => relatedTarget || hover(null));
    on(document, 'scroll', onScroll);
  };

  const start = () => {
    const saved = read(STATE);
    if (privacyControl || option.consent === 'denied') {
      if (saved) forget();
      consent = DENIED;
    } else if (saved?.consent?.analytics || option.consent === 'granted') {
      consent = saved?.consent ?? { analytics: true, marketing: false };
      state = saved ?? {};
      queue = read(QUEUE) ?? [];
      if (queue.length) schedule(0);
    }
    view();
    if (option.autocapture !== 'false') capture();
    on(window, 'pagehide', leave);
    on(document, 'visibilitychange', () => document.visibilityState === 'hidden' && leave());
    on(window, 'online', () => {
      if (unanswered) notBefore = failures = 0;
      flush();
    });
    // A choice made in another tab holds here, too.
    on(window, 'storage', ({ key }) => {
      if (key && key !== STATE) return;
      const chosen = read(STATE)?.consent;
      const known = consent?.analytics;
      if (chosen || known) consent = chosen ?? DENIED;
      if (known && !chosen) forget();
      if (chosen && !known) view();
    });
    // Whoever reads or types keeps the session.
    let active = false;
    for (const sign of ['keydown', 'pointermove', 'scroll']) on(document, sign, () => (active = true));
    const beat = () => {
      if (consent?.analytics) (active ? resume : load)();
      active = false;
    };
    const heartbeat = option.heartbeat ?? 60;
    if (heartbeat > 0) setInterval(beat, heartbeat * 1000);
  };

  window.lakehouse = {
    track: emit,
    consent: decide,
    identify(customerId) {
      customer = String(customerId);
      if (consent?.analytics) resume();
    },
    // After a logout: whoever comes next is somebody else.
    reset() {
      customer = undefined;
      if (!consent?.analytics) return;
      load();
      end();
      state = { consent };
      write(STATE, state);
    },
  };

  if (document.prerendering) on(document, 'prerenderingchange', start);
  else start();
})();
