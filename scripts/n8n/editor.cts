/** n8n's editor in headless Chromium, for pictures and for tests that look at what a person sees. */
import { existsSync } from 'node:fs';

import { type Browser, chromium, type Locator, type Page } from 'playwright-core';

import { OWNER, type SavedCredential } from './api.cts';

const VIEWPORT = { width: 1440, height: 900 };

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

/** n8n's editor, as a person uses it. */
export class Editor {
	private constructor(
		private readonly page: Page,
		private readonly url: string,
	) {}

	static async signIn(browser: Browser, url: string): Promise<Editor> {
		const page = await browser.newPage({ viewport: VIEWPORT, deviceScaleFactor: 1 });
		await page.goto(`${url}/signin`);
		await page.locator('input[type="email"]').fill(OWNER.email);
		await page.locator('input[type="password"]').fill(OWNER.password);
		await page.keyboard.press('Enter');
		await page.waitForURL(/home|workflow/);
		return new Editor(page, url);
	}

	/**
	 * The dialog of a credential: n8n tests it as it opens.
	 *
	 * @param refusal words of why the test fails, which n8n shows on request
	 */
	async takeCredential(path: string, { name }: SavedCredential, refusal?: string): Promise<void> {
		// As high as lets the dialog end below a field, not within one.
		await this.page.setViewportSize({ ...VIEWPORT, height: refusal ? 850 : 1500 });
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
		await this.page.keyboard.press('Escape');
		await this.byTestId('ndv').waitFor({ state: 'detached' });
	}

	/** Opens the list of a field of the open node that is a resource locator. */
	async openList(field: string): Promise<void> {
		await this.inputOf(field).click();
		const error = this.byTestId('rlc-error-container');
		await this.byTestId('rlc-item').first().or(error).waitFor();
	}

	async typeIntoList(text: string): Promise<void> {
		await this.byTestId('rlc-search').pressSequentially(text);
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

	private inputOf(field: string): Locator {
		const container = this.byTestId('rlc-input-container');
		return this.byTestId(`resource-locator-${field}`).locator(container).locator('input');
	}

	private nodeNamed(name: string): Locator {
		return this.page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
	}

	private byTestId(id: string): Locator {
		return this.page.locator(`[data-test-id="${id}"]`);
	}
}
