// Sends one visitor's story with Segment's own Node client. Only the host is not
// Segment's. cmd/millrace/segment_test.go starts this and reads the events back.
import { Analytics } from '@segment/analytics-node'

const host = process.env.BASE_URL
const analytics = new Analytics({ writeKey: 'a-key-from-segment', host, flushAt: 5, flushInterval: 100, maxRetries: 0 })
const failures = []
analytics.on('error', (error) => failures.push(error))
const statuses = []
analytics.on('http_response', (response) => statuses.push(response.status))

const userAgent =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1'
const visitor = { anonymousId: 'node-visitor' }
const user = { userId: 'node-user' }

analytics.page({
  ...visitor,
  name: 'Pricing',
  category: 'Docs',
  properties: { url: 'https://shop.example/pricing?utm_source=news&utm_campaign=spring', path: '/pricing' },
  context: { userAgent, ip: '203.0.113.7', locale: 'en-IN', page: { path: '/pricing', referrer: 'https://www.google.com/' }, screen: { width: 390 } },
})
analytics.track({ ...visitor, event: 'view', properties: { product_id: 'p1' } })
analytics.identify({ ...visitor, ...user, traits: { plan: 'pro', email: 'a@example.com' } })
analytics.track({ ...visitor, event: 'add_to_cart', properties: { product_id: 'p1' } })
analytics.track({
  ...user,
  event: 'purchase',
  properties: { amount: 499.5, currency: 'INR', product_id: 'p1', items: [{ sku: 'x', note: 'naïve "quotes" \u2603' }] },
  context: { campaign: { name: 'spring', source: 'news', medium: 'email' }, app: { version: '3.1' }, os: { name: 'iOS', version: '17.6' } },
  timestamp: new Date(Date.now() - 60_000),
  messageId: 'node-purchase-1',
})
analytics.screen({ ...user, name: 'Cart', properties: { items: 1 }, context: { device: { type: 'ios', model: 'iPhone15,4' } } })
analytics.group({ ...user, groupId: 'acme', traits: { employees: 42 } })
await analytics.flush() // requests under way at the same time have no order
analytics.alias({ previousId: 'node-user', userId: 'node-user-renamed' })
analytics.track({ ...user, event: 'logout' })

await analytics.closeAndFlush()
console.log(JSON.stringify({ statuses, failures: failures.map((f) => String(f.reason ?? f)) }))
if (failures.length > 0 || statuses.length === 0 || statuses.some((s) => s !== 200)) process.exit(1)
