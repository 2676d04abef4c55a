module.exports = {
	semi: true,
	trailingComma: 'all',
	useTabs: true,
	tabWidth: 2,
	arrowParens: 'always',
	singleQuote: true,
	printWidth: 100,
};
