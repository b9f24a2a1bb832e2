// A page worked by keyboard alone: what is not in reach of Tab cannot be used. A pointer that was used is told of.

const FARTHEST = 200;

export class Keys {
  constructor(page) {
    this.page = page;
  }

  // Goes on with Tab until that has the focus.
  async reach(selector) {
    const target = this.page.locator(selector).first();
    await target.waitFor();
    const there = () => target.evaluate((of) => of === document.activeElement);
    for (let steps = 0; !(await there()); steps += 1) {
      if (steps === FARTHEST) throw new Error(`${selector} is out of reach of the keyboard at ${this.page.url()}`);
      await this.page.keyboard.press("Tab");
    }
    return target;
  }

  // Types over what stands in a field.
  async fill(selector, text) {
    await this.reach(selector);
    await this.page.keyboard.press("ControlOrMeta+a");
    await this.page.keyboard.type(text);
  }

  // Presses Enter, which leads to another page.
  async enter() {
    await Promise.all([this.page.waitForEvent("load"), this.page.keyboard.press("Enter")]);
  }

  // Presses a link or a button that leads to another page.
  async press(selector) {
    await this.reach(selector);
    await this.enter();
  }

  // Ticks a box or lets go of it.
  async tick(selector) {
    await this.reach(selector);
    await this.page.keyboard.press("Space");
  }
}

// Notes any use of a pointer in that context.
export async function noPointer(context) {
  let used = false;
  await context.exposeBinding("pointerUsed", () => (used = true));
  await context.addInitScript(() => addEventListener("pointerdown", () => globalThis.pointerUsed(), true));
  return () => used;
}
