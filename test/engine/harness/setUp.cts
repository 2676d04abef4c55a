import 'reflect-metadata';

// n8n logs every failed node; here failing is what many tests are about.
process.env.N8N_LOG_LEVEL = 'silent';
