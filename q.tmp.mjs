import { startThrowAwayPostgres } from '/work/main/tests/support/postgres.ts';
import { migrateToLatest } from '/work/main/src/db/migrate.ts';
import { createPool, createKysely } from '/work/main/src/db/pool.ts';
import * as q from '/work/main/src/repositories/job-queue.ts';
import { seedLanes } from '/work/main/src/repositories/lanes.ts';
import { newJobId } from '/work/main/src/services/job/job-id.ts';
import { randomUUID } from 'node:crypto';
import pgm from 'pg';
const pg = await startThrowAwayPostgres({fsync:'on',synchronous_commit:'on',full_page_writes:'on'});
try {
const url = pg.url; await migrateToLatest(url);
const a=new pgm.Client(url); await a.connect(); console.log((await a.query('show fsync')).rows, (await a.query('show data_directory')).rows); await a.query('create database gw');
const pool = createPool({connectionString:url,poolSize:12,applicationName:'x',statementTimeoutMs:10000,onError:()=>{}});
const db={pool,kysely:createKysely(pool)};
await seedLanes(db,[{providerId:'studio',runningMax:1000,openMax:null,callsPerMinute:null}]);
const w=randomUUID();
const mk=(o={})=>({id:newJobId(Date.now()),slotId:'slot-001',providerId:'studio',operationId:'filter',snapshot:{settings:{},photo:{mimeType:'image/jpeg',sizeBytes:1,sha256:'x'}},metadata:{},payloadPath:'payloads/x',elapsedMs:10,windowMs:48000,openMax:1000,claimFor:undefined,...o});
const fin={providerId:'studio',path:'results/a',mimeType:'image/jpeg',sizeBytes:1,sha256:'a'.repeat(64),retentionHours:72,providerLatencyMs:12.3};
async function ours(N,fused){ let left=N; const t=performance.now();
await Promise.all(Array.from({length:64},async()=>{ while(left-->0){ const j=mk({claimFor:fused?{workerId:w,leaseMs:15000}:undefined}); const e=await q.enqueueJob(db,j); let cl; if(e.outcome==='claimed') cl={jobId:j.id,claimNo:1,workerId:w}; else { const [k]=await q.claimJobs(db,{providerId:'studio',workerId:w,count:1,leaseMs:15000}); cl={jobId:k.id,claimNo:1,workerId:w}; } 
 if(!await q.succeedJob(db,cl,fin)) throw Error('lost'); } })); return N/(performance.now()-t)*1000; }
const {run,makeWorkerUtils,Logger}=await import('graphile-worker'); const quiet={logger:new Logger(()=>()=>{})};
const gu=new URL(url); gu.pathname='/gw'; const gurl=gu.toString();
const u=await makeWorkerUtils({connectionString:gurl,...quiet}); await u.migrate();
let onDone; const r=await run({...quiet,noHandleSignals:true,preset:{worker:{connectionString:gurl,concurrentJobs:64,maxPoolSize:12,pollInterval:2000,...quiet,localQueue:{size:-1},completeJobBatchDelay:-1,failJobBatchDelay:-1}},taskList:{noop:async()=>{}}});
r.events.on('job:complete',()=>onDone?.());
async function graphile(N){ let left=N,done=0; const t=performance.now(); await new Promise(res=>{ onDone=()=>{ if(++done===N) res(); else if(left>0){left--; u.addJob('noop',{a:1});} }; for(let i=0;i<64;i++){left--; u.addJob('noop',{a:1});} }); onDone=undefined; return N/(performance.now()-t)*1000; }
for(let i=0;i<3;i++){ const o=await ours(3000,true), s=await ours(1500,false), g=await graphile(3000); console.log('ours fused',o|0,'separate',s|0,'graphile',g|0,'ratio',(o/g).toFixed(2)); }
await r.stop(); await u.release(); await pool.end(); await a.end();
} finally { await pg.stop(); }
