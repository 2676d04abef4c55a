/** The package's entry for code that imports it. n8n itself reads the paths under "n8n" in package.json. */
const { AirbyteApi } = require('./dist/credentials/AirbyteApi.credentials.js');
const { AirbyteConnection } = require('./dist/nodes/AirbyteConnection/AirbyteConnection.node.js');
const { AirbyteJobStatus } = require('./dist/nodes/AirbyteJobStatus/AirbyteJobStatus.node.js');
const { AirbyteTrigger } = require('./dist/nodes/AirbyteTrigger/AirbyteTrigger.node.js');
const {
	AirbyteTriggerSync,
} = require('./dist/nodes/AirbyteTriggerSync/AirbyteTriggerSync.node.js');

module.exports = {
	AirbyteApi,
	AirbyteConnection,
	AirbyteJobStatus,
	AirbyteTrigger,
	AirbyteTriggerSync,
};
