/* What every page has around its content. It runs before the scripts that look for its parts. */
document.body.insertAdjacentHTML(
  'afterbegin',
  `
  <a class="skip" href="#main">Skip to the content</a>
  <header>
    <div>
      <a class="logo" href="./" data-track="logo">Fern &amp; Kettle</a>
      <form action="search.html" name="search" role="search">
        <input type="search" name="q" aria-label="Search products" placeholder="Search kettles, mugs, beans">
        <button data-track="search">Search</button>
      </form>
      <nav aria-label="Shop">
        <a href="search.html" data-track="nav-all">All products</a>
        <a href="cart.html" data-track="nav-cart">Cart <span class="count" id="cart-count"></span></a>
      </nav>
    </div>
  </header>`,
);
document.body.insertAdjacentHTML(
  'beforeend',
  `
  <footer>
    <div>
      <span>A made-up shop: nothing here can be bought.</span>
      <a href="issue.html" data-track="report-issue">Report an issue</a>
      <button type="button" class="link" id="privacy-choices">Privacy choices</button>
    </div>
  </footer>`,
);
