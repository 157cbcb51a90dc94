/* The consent banner. It runs before tracker.js, which stores no refusal: remembering it is the page's part. */
(() => {
  'use strict';
  const REFUSED = 'shop.consent.refused';
  const tracker = document.querySelector('script[data-source]');
  if (localStorage.getItem(REFUSED)) tracker.dataset.consent = 'denied';

  const banner = document.createElement('section');
  banner.className = 'consent';
  banner.setAttribute('aria-labelledby', 'consent-title');
  banner.dataset.trackIgnore = '';
  banner.hidden = true;
  banner.innerHTML = `
    <h2 id="consent-title">May we learn from your visit?</h2>
    <p>With your consent this shop gives your browser a random number and records which pages, products and
      buttons you use and what you search for; never what you type into a form. Without it, pages are only counted.</p>
    <div>
      <button type="button" id="consent-accept">Accept all</button>
      <button type="button" id="consent-analytics">Statistics only</button>
      <button type="button" id="consent-refuse">Refuse</button>
    </div>`;

  const choose = (analytics, marketing) => {
    if (analytics) localStorage.removeItem(REFUSED);
    else localStorage.setItem(REFUSED, 'yes');
    window.lakehouse?.consent({ analytics, marketing });
    banner.hidden = true;
    document.dispatchEvent(new Event('consent'));
  };

  document.addEventListener('DOMContentLoaded', () => {
    document.body.append(banner);
    const on = (id, act) => document.getElementById(id).addEventListener('click', act);
    on('consent-accept', () => choose(true, true));
    on('consent-analytics', () => choose(true, false));
    on('consent-refuse', () => choose(false, false));
    on('privacy-choices', () => {
      banner.hidden = false;
      document.getElementById('consent-accept').focus();
    });
    // A browser that sends Global Privacy Control has answered already.
    banner.hidden = !window.lakehouse || window.lakehouse.consent() !== null;
  });
})();
