/** n8n's editor in headless Chromium, for pictures and for tests that look at what a person sees. */
import { existsSync } from 'node:fs';

import { type Browser, chromium, type Locator, type Page } from 'playwright-core';

import { OWNER, type SavedCredential } from './api.cts';

const VIEWPORT = { width: 1440, height: 900 };
/** Milliseconds for whatever is waited for: machines that run a real n8n are often busy. */
const PATIENCE = 60_000;

/** Chromium, without a window. */
export async function openBrowser(): Promise<Browser> {
	const executablePath = chromiumPath();
	if (!executablePath) throw new Error(browserLacks());
	return await chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** What the browser needs and this machine lacks, as a sentence; nothing if it is there. */
export function browserLacks(): string | undefined {
	return chromiumPath() ? undefined : 'No Chromium: install it, or name it in CHROMIUM.';
}

function chromiumPath(): string | undefined {
	const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];
	return candidates.find((path) => path && existsSync(path));
}

/** Counts what a person does by mouse, and Enter, which people press in place of a click; anew on each page. */
const COUNT_CLICKS = `
	window.clicks = 0;
	addEventListener('pointerdown', () => clicks++, true);
	addEventListener('keydown', ({ key }) => { if (key === 'Enter') clicks++; }, true);
`;

/** More than there are between two fields of a form. */
const MOST_TABS = 5;

/** n8n's editor, as a person uses it: fields are clicked before something is typed, unless they have the focus. */
export class Editor {
	private constructor(
		private readonly page: Page,
		private readonly url: string,
	) {}

	static async signIn(browser: Browser, url: string): Promise<Editor> {
		const page = await browser.newPage({ viewport: VIEWPORT, deviceScaleFactor: 1 });
		page.setDefaultTimeout(PATIENCE);
		await page.addInitScript(COUNT_CLICKS);
		await page.goto(`${url}/signin`);
		await page.locator('input[type="email"]').fill(OWNER.email);
		await page.locator('input[type="password"]').fill(OWNER.password);
		await page.keyboard.press('Enter');
		await page.waitForURL(/home|workflow/);
		return new Editor(page, url);
	}

	/** Clicks since the page was opened: by `newWorkflow`, for instance. */
	async clicks(): Promise<number> {
		return await this.page.evaluate<number>('clicks');
	}

	/** Opens the dialog of the first credential that the open node can have. */
	async connect(): Promise<void> {
		await this.byTestId('ndv').getByText('Connect to').click();
		await this.byTestId('editCredential-modal').waitFor();
	}

	/** Opens the dialog of a new credential, by way of the list of credentials. */
	async newCredential(type: string): Promise<void> {
		await this.page.goto(`${this.url}/home/credentials`);
		await this.byTestId('add-resource-credential').first().click();
		await this.byTestId('new-credential-type-select').locator('input').fill(type);
		await this.byTestId('new-credential-type-select-option').getByText(type).click();
		await this.byTestId('new-credential-type-button').click();
		await this.byTestId('editCredential-modal').waitFor();
	}

	/** Saves the open credential. One that was opened from a node closes if it passes n8n's test. */
	async saveCredential(): Promise<void> {
		await this.byTestId('credential-save-button').click();
	}

	/** What n8n says of the open credential that it has tested, details included. */
	async credentialVerdict(): Promise<string> {
		const dialog = this.byTestId('editCredential-modal');
		const more = dialog.getByText('More details');
		const passed = dialog.getByText('Connection tested successfully');
		await passed.or(more).filter({ visible: true }).waitFor();
		if (await passed.isVisible()) return (await passed.innerText()).trim();
		await more.click();
		await more.waitFor({ state: 'detached' });
		return await dialog.locator('.el-tag--danger').filter({ visible: true }).innerText();
	}

	/** The labels of the fields of the open credential. */
	async credentialFields(): Promise<string[]> {
		return await this.labels(this.byTestId('credential-connection-parameter'));
	}

	/**
	 * The dialog of a credential: n8n tests it as it opens.
	 *
	 * @param refusal words of why the test fails, which n8n shows on request
	 */
	async takeCredential(path: string, { name }: SavedCredential, refusal?: string): Promise<void> {
		// As high as lets the dialog end below a field, not within one.
		await this.page.setViewportSize({ ...VIEWPORT, height: refusal ? 810 : 870 });
		await this.page.goto(`${this.url}/home/credentials`);
		await this.page.getByText(name, { exact: true }).first().click();
		if (refusal) await this.page.getByText('More details').click();
		await this.page.getByText(refusal ?? 'Connection tested successfully').waitFor();
		await this.take(path, this.byTestId('editCredential-modal'));
		await this.page.setViewportSize(VIEWPORT);
	}

	/** Opens a workflow, runs it, and waits until it has ended, well or not. */
	async run(workflowId: string): Promise<void> {
		await this.start(workflowId);
		await this.untilRun();
	}

	async start(workflowId: string): Promise<void> {
		await this.openWorkflow(workflowId);
		await this.byTestId('execute-workflow-button').first().click();
	}

	/** Opens a workflow that has no nodes yet. */
	async newWorkflow(): Promise<void> {
		await this.page.goto(`${this.url}/workflow/new`);
		await this.byTestId('canvas-add-button').waitFor();
	}

	/** Opens the nodes panel and searches it; gives the names that it finds. */
	async searchNodes(text: string, expected: string): Promise<string[]> {
		const opener = this.byTestId('canvas-add-button').or(this.byTestId('node-creator-plus-button'));
		await opener.first().click();
		await this.focused('node-creator-search-bar').fill(text);
		await this.found(expected).waitFor();
		return await this.texts(this.byTestId('node-creator-item-name'));
	}

	/** Whether all that the nodes panel has found shows with an icon that could be loaded. */
	async foundHaveIcons(): Promise<boolean> {
		const items = this.byTestId('item-iterator-item');
		const icons = await items.locator('img:visible').all();
		const widths = await Promise.all(
			icons.map(
				async (icon) =>
					await icon.evaluate((image: { naturalWidth: number }) => image.naturalWidth),
			),
		);
		return widths.length === (await items.count()) && widths.every((width) => width > 0);
	}

	/** Opens the page of a community node that the nodes panel has found. */
	async openFound(name: string): Promise<void> {
		await this.found(name).click();
		await this.nodeDetails().waitFor();
	}

	/** What the open page of a community node offers. */
	async actionsOffered(): Promise<string[]> {
		return await this.byTestId('item-iterator-item').allInnerTexts();
	}

	/** Leaves that page. */
	async backToFound(): Promise<void> {
		await this.byTestId('nodes-list-header').locator('button').first().click();
		await this.nodeDetails().waitFor({ state: 'detached' });
	}

	/** Adds one of n8n's own nodes that the nodes panel has found. */
	async addFound(name: string): Promise<void> {
		await this.found(name).click();
		await this.byTestId('canvas-node').first().waitFor();
	}

	/** Adds the community node whose page is open in the nodes panel; n8n opens it. */
	async addToWorkflow(): Promise<void> {
		await this.byTestId('node-creator').getByText('Add to workflow').click();
		await this.byTestId('ndv').waitFor();
	}

	/** Drags an action of the open community node to the canvas; n8n opens the node that it becomes. */
	async dragIn(action: string): Promise<void> {
		await this.byTestId('item-iterator-item')
			.getByText(action, { exact: true })
			.dragTo(this.byTestId('canvas'), { targetPosition: { x: 300, y: 300 }, steps: 10 });
		await this.byTestId('ndv').waitFor();
	}

	/** Runs the open node and what is before it, and waits for an item in its output. */
	async executeStep(): Promise<void> {
		await this.byTestId('node-execute-button').click();
		await this.byTestId('output-panel').getByText('1 item').waitFor();
	}

	/** Runs the open workflow, and waits until it has ended, well or not. */
	async execute(): Promise<void> {
		await this.byTestId('execute-workflow-button').first().click();
		await this.untilRun();
	}

	async openWorkflow(workflowId: string): Promise<void> {
		await this.page.goto(`${this.url}/workflow/${workflowId}`);
		await this.byTestId('canvas-node').first().waitFor();
	}

	/** What stands below a node on the canvas, its name included. */
	async captionOf(node: string): Promise<string> {
		return await this.nodeNamed(node).innerText();
	}

	/** Waits for n8n's notice that the workflow has ended, and closes it. */
	async untilRun(): Promise<void> {
		const notice = this.page.locator('.el-notification');
		await notice.waitFor({ timeout: 60_000 });
		await notice.locator('.el-notification__closeBtn').click();
		await notice.waitFor({ state: 'detached' });
	}

	async openNode(name: string): Promise<void> {
		await this.nodeNamed(name).dblclick();
		await this.byTestId('ndv').waitFor();
	}

	async closeNode(): Promise<void> {
		// Not by Escape, which a field that was just used takes for itself.
		await this.byTestId('ndv-close-button').click();
		await this.byTestId('ndv').waitFor({ state: 'detached' });
	}

	/** The labels of the fields of the open node. */
	async nodeFields(): Promise<string[]> {
		return await this.labels(this.byTestId('node-parameters').locator(testId('input-label')));
	}

	/** What can be added to the options of the open node. */
	async optionsOffered(): Promise<string[]> {
		const list = this.byTestId('collection-parameter-add');
		await list.click();
		await this.choices().first().waitFor();
		const offered = await this.choices().allInnerTexts();
		await list.click();
		await this.choices().first().waitFor({ state: 'hidden' });
		return offered;
	}

	/** Opens the choices of a field, of a node or a credential. */
	async openChoices(field: string): Promise<void> {
		await this.byTestId(`parameter-input-${field}`).click();
		await this.choices().first().waitFor();
	}

	/** Makes a choice in a field, of a node or a credential. */
	async chooseIn(field: string, choice: string): Promise<void> {
		await this.openChoices(field);
		await this.chooseFromOpen(choice);
	}

	/** Makes a choice in the list that is open. */
	async chooseFromOpen(choice: string): Promise<void> {
		await this.choices().getByText(choice, { exact: true }).click();
		await this.choices().first().waitFor({ state: 'hidden' });
	}

	/** What a field shows, of a node or a credential. */
	async shownIn(field: string): Promise<string> {
		return await this.byTestId(`parameter-input-${field}`).locator('input').inputValue();
	}

	/** Adds one of the options of the open node. */
	async addOption(name: string): Promise<void> {
		await this.byTestId('collection-parameter-add').click();
		await this.chooseFromOpen(name);
	}

	/** Types into a field, of a node or a credential, in place of what is there. */
	async fillIn(field: string, text: string): Promise<void> {
		await this.byTestId(`parameter-input-${field}`).locator('input').click();
		await this.typeInto(field, text);
	}

	/** The same for the field that comes next, to which people get by Tab, past what n8n has between the two. */
	async fillInNext(field: string, text: string): Promise<void> {
		const input = this.byTestId(`parameter-input-${field}`).locator('input:focus');
		for (let tabs = 0; tabs < MOST_TABS && (await input.count()) === 0; tabs++) {
			await this.page.keyboard.press('Tab');
		}
		await this.typeInto(field, text);
	}

	private async typeInto(field: string, text: string): Promise<void> {
		await this.byTestId(`parameter-input-${field}`).locator('input:focus').waitFor();
		await this.page.keyboard.press('ControlOrMeta+a');
		await this.page.keyboard.insertText(text);
	}

	/** Opens the list of a field of the open node that is a resource locator. */
	async openList(field: string): Promise<void> {
		await this.inputOf(field).click();
		const error = this.byTestId('rlc-error-container');
		await this.byTestId('rlc-item').first().or(error).waitFor();
	}

	async typeIntoList(text: string): Promise<void> {
		await this.focused('rlc-search').pressSequentially(text);
	}

	async listed(): Promise<string[]> {
		return await this.byTestId('rlc-item').allInnerTexts();
	}

	/** Why the open list shows nothing. */
	async listError(): Promise<string> {
		return await this.byTestId('rlc-error-container').innerText();
	}

	async scrollList(): Promise<void> {
		await this.byTestId('rlc-item').last().scrollIntoViewIfNeeded();
	}

	async choose(text: string): Promise<void> {
		await this.byTestId('rlc-item').getByText(text).click();
	}

	/** What a resource locator shows as chosen. */
	async chosenIn(field: string): Promise<string> {
		return await this.inputOf(field).inputValue();
	}

	/** Whether a resource locator offers to open what is chosen. */
	async offersToOpen(field: string): Promise<boolean> {
		const link = this.byTestId('rlc-open-resource-link');
		return await this.byTestId(`resource-locator-${field}`).locator(link).isVisible();
	}

	/** The fields of the open node, in a window that is high enough for them. */
	async takeFields(path: string, height: number): Promise<void> {
		await this.page.setViewportSize({ ...VIEWPORT, height });
		await this.take(path, this.byTestId('node-parameters'));
		await this.page.setViewportSize(VIEWPORT);
	}

	async showOutputAsJson(): Promise<void> {
		await this.byTestId('output-panel').getByText('JSON', { exact: true }).click();
	}

	/** The columns of the output that show in full without scrolling. */
	async columnsInSight(): Promise<string[]> {
		const edge = await this.rightEdge(this.byTestId('output-panel'));
		const columns = await this.byTestId('output-panel').locator('th').all();
		const edges = await Promise.all(columns.map(async (column) => await this.rightEdge(column)));
		const inSight = columns.filter((_, at) => edges[at] <= edge);
		return await Promise.all(inSight.map(async (column) => (await column.innerText()).trim()));
	}

	/** The columns of the output, and the first row below them. */
	async outputTable(): Promise<Record<string, string>> {
		const table = this.byTestId('output-panel').locator('table');
		const columns = await this.texts(table.locator('th'));
		const cells = await this.texts(table.locator('tbody tr').first().locator('td'));
		return Object.fromEntries(columns.map((column, at) => [column, cells[at]]));
	}

	/** What the node hints at in its output pane. */
	async outputHints(): Promise<string[]> {
		const hints = this.byTestId('output-panel').locator(testId('node-hint'));
		await hints.first().waitFor();
		return await this.texts(hints);
	}

	/** The error in the output pane of the open node. */
	async errorShown(): Promise<{ message: string; description: string }> {
		const message = this.byTestId('node-error-message');
		await message.waitFor();
		const description = await this.byTestId('node-error-description').innerText();
		return { message: await message.innerText(), description };
	}

	/** The text of the open node's output panel. */
	async outputText(): Promise<string> {
		return await this.byTestId('output-panel').innerText();
	}

	/** Takes a picture of all there is to see, or of a part of it. */
	async take(path: string, part?: Locator): Promise<void> {
		// No button looks hovered, no field has a caret.
		await this.page.mouse.move(VIEWPORT.width / 2, 5);
		await this.page.waitForTimeout(1_000);
		await (part ?? this.page).screenshot({ path, animations: 'disabled' });
	}

	private async rightEdge(part: Locator): Promise<number> {
		const box = await part.boundingBox();
		return box ? box.x + box.width : Infinity;
	}

	/** The element with this id, or the part of it, once it has the focus. */
	private focused(id: string): Locator {
		return this.page.locator(`${testId(id)}:focus, ${testId(id)} :focus`);
	}

	private inputOf(field: string): Locator {
		const container = this.byTestId('rlc-input-container');
		return this.byTestId(`resource-locator-${field}`).locator(container).locator('input');
	}

	private nodeNamed(name: string): Locator {
		return this.page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
	}

	/** What the nodes panel has found by this name. */
	private found(name: string): Locator {
		const exactly = this.byTestId('node-creator-item-name').getByText(name, { exact: true });
		return this.byTestId('item-iterator-item').filter({ has: exactly });
	}

	private nodeDetails(): Locator {
		return this.byTestId('node-creator').getByText('Node details');
	}

	/** The entries of the list that is open. */
	private choices(): Locator {
		return this.page.getByRole('option').filter({ visible: true });
	}

	private async texts(parts: Locator): Promise<string[]> {
		return (await parts.allInnerTexts()).map((text) => text.trim());
	}

	/** The first line of each: then come the switch to expressions and the like. */
	private async labels(fields: Locator): Promise<string[]> {
		const texts = await fields.filter({ visible: true }).allInnerTexts();
		return texts.map((text) => text.split('\n')[0]);
	}

	private byTestId(id: string): Locator {
		return this.page.locator(testId(id));
	}
}

const testId = (id: string): string => `[data-test-id="${id}"]`;
