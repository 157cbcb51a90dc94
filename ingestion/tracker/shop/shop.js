/* The demo shop: a catalogue in a file, a cart in the browser, and what the tracker is told about them. */
const CURRENCY = 'EUR';
const CART = 'shop.cart';
const CUSTOMER = 'shop.customer';
const products = await (await fetch('products.json')).json();
const byId = new Map(products.map((product) => [product.id, product]));
const parameters = new URLSearchParams(location.search);
const $ = (id) => document.getElementById(id);
const money = (amount) => new Intl.NumberFormat('en-IE', { style: 'currency', currency: CURRENCY }).format(amount);
const cents = (amount) => Math.round(amount * 100) / 100;
// The tracker may be blocked; a shop works without it.
const track = (type, properties) => window.lakehouse?.track(type, properties);

const described = ({ id, price, category, brand }) => ({
  product_id: id,
  price,
  currency: CURRENCY,
  category_code: category,
  brand,
});

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function art({ art, tone }) {
  const box = element('span', { class: 'art' });
  box.style.color = tone;
  box.innerHTML = `<svg aria-hidden="true"><use href="art.svg#${art}"></use></svg>`;
  return box;
}

function card(product) {
  const words = element(
    'div',
    {},
    element('strong', {}, product.name),
    element('span', { class: 'price' }, money(product.price)),
    element('span', { class: 'soft' }, product.brand),
  );
  const href = `product.html?id=${product.id}`;
  const link = element('a', { href }, art(product), words);
  return element('li', { class: 'card', 'data-track': `product-${product.id}` }, link);
}

const show = (chosen) => $('products').replaceChildren(...chosen.map(card));

const cart = {
  lines: () =>
    Object.entries(JSON.parse(localStorage.getItem(CART) ?? '{}'))
      .filter(([id]) => byId.has(id))
      .map(([id, quantity]) => ({ product: byId.get(id), quantity })),
  total: () => cents(cart.lines().reduce((sum, { product, quantity }) => sum + product.price * quantity, 0)),
  set(id, quantity) {
    const lines = Object.fromEntries(cart.lines().map((line) => [line.product.id, line.quantity]));
    if (quantity) lines[id] = quantity;
    else delete lines[id];
    localStorage.setItem(CART, JSON.stringify(lines));
    cart.count();
  },
  count() {
    $('cart-count').textContent = cart.lines().reduce((sum, { quantity }) => sum + quantity, 0) || '';
  },
};

const pages = {
  home() {
    show(products.filter((_, index) => index % 2 === 0));
  },

  product() {
    const product = byId.get(parameters.get('id')) ?? products[0];
    document.title = `${product.name} · Fern & Kettle`;
    const add = element('button', { id: 'add-to-cart', 'data-track': 'add-to-cart' }, 'Put into the cart');
    add.addEventListener('click', () => {
      const held = cart.lines().find((line) => line.product === product)?.quantity ?? 0;
      cart.set(product.id, held + 1);
      track('cart', { ...described(product), quantity: 1 });
      const link = element('a', { href: 'cart.html' }, 'See the cart');
      $('said').replaceChildren(`${product.name} is in your cart. `, link);
    });
    $('product').append(
      art(product),
      element(
        'div',
        {},
        element('p', { class: 'soft' }, product.brand),
        element('h1', {}, product.name),
        element('p', { class: 'price' }, money(product.price)),
        element('p', {}, product.text),
        add,
      ),
    );
    const family = product.category.split('.')[0];
    show(products.filter((other) => other !== product && other.category.startsWith(family)).slice(0, 4));
    const seen = () => track('product_view', described(product));
    seen();
    // Whoever consents here has this product before their eyes.
    document.addEventListener('consent', seen);
  },

  search() {
    const query = (parameters.get('q') ?? '').trim();
    const asked = query.toLowerCase().split(/\s+/);
    const text = (product) => `${product.name} ${product.brand} ${product.category} ${product.text}`.toLowerCase();
    const found = products.filter((product) => asked.every((word) => text(product).includes(word)));
    show(found);
    if (!query) return;
    $('found').textContent = found.length ? `${found.length} for “${query}”` : `Nothing for “${query}”`;
    document.querySelector('input[name=q]').value = query;
    const searched = () => track('search', { query, result_count: found.length });
    searched();
    document.addEventListener('consent', searched);
  },

  cart() {
    const lines = cart.lines();
    if (!lines.length) {
      $('cart').replaceChildren('It is empty. ', element('a', { href: 'search.html' }, 'Browse everything'));
      return;
    }
    const row = ({ product, quantity }) => {
      const label = `Remove ${product.name}`;
      const remove = element('button', { class: 'plain', 'aria-label': label, 'data-track': 'remove' }, 'Remove');
      remove.addEventListener('click', () => {
        cart.set(product.id, 0);
        track('remove_from_cart', { ...described(product), quantity });
        pages.cart();
      });
      const link = element('a', { href: `product.html?id=${product.id}` }, product.name);
      const cells = [quantity, money(cents(product.price * quantity))];
      return element(
        'tr',
        {},
        element('td', {}, link),
        ...cells.map((cell) => element('td', { class: 'number' }, String(cell))),
        element('td', { class: 'number' }, remove),
      );
    };
    const heads = ['Product', 'Pieces', 'Price', ''].map((head, index) =>
      element('th', { scope: 'col', class: index ? 'number' : '' }, head),
    );
    const sum = element('tr', {}, element('th', { scope: 'row', colspan: 2 }, 'Total'));
    sum.append(element('td', { class: 'number' }, money(cart.total())), element('td'));
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...heads)));
    table.append(element('tbody', {}, ...lines.map(row)), element('tfoot', {}, sum));
    const go = element('a', { class: 'button', href: 'checkout.html', 'data-track': 'checkout' }, 'Go to checkout');
    $('cart').replaceChildren(table, element('p', {}, go));
  },

  checkout() {
    const form = $('checkout');
    if (!cart.lines().length) {
      form.hidden = true;
      $('summary').textContent = 'Your cart is empty.';
      return;
    }
    $('summary').textContent = `${money(cart.total())} in all.`;
    track('checkout_start', { amount: cart.total(), currency: CURRENCY });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const number = () => crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
      // A real shop's server knows its customers and numbers its orders.
      const customer = localStorage.getItem(CUSTOMER) ?? `demo-${number()}`;
      localStorage.setItem(CUSTOMER, customer);
      window.lakehouse?.identify(customer);
      const order_id = `web-${number()}`;
      for (const { product, quantity } of cart.lines()) {
        track('purchase', { order_id, ...described(product), quantity });
      }
      localStorage.removeItem(CART);
      cart.count();
      form.reset();
      form.hidden = true;
      $('summary').textContent = '';
      $('said').textContent = `Thank you. Your order has the number ${order_id}.`;
    });
  },

  issue() {
    $('issue').addEventListener('submit', (event) => {
      event.preventDefault();
      const { text, category } = Object.fromEntries(new FormData(event.target));
      track('issue_report', { text, category });
      event.target.reset();
      $('said').textContent = 'Thank you, we will look into it.';
    });
  },
};

cart.count();
pages[document.body.dataset.page]();
