import { codeOf } from './seeded.js';

/** A product that is bought by the seat or once; prices are plain decimal texts in the billing currency. */
export interface Licence {
  readonly productId: string;
  readonly skuId: string;
  readonly availabilityId: string;
  readonly productName: string;
  readonly skuName: string;
  readonly publisherName: string;
  readonly publisherId: string | null;
  readonly unitPrice: string;
  readonly category: string;
}

function licence(
  id: string,
  productName: string,
  skuName: string,
  unitPrice: string,
  category = 'LicenseBased',
  publisher: readonly [string, string | null] = ['Microsoft Corporation', 'NA'],
): Licence {
  const [publisherName, publisherId] = publisher;
  return {
    productId: `CFQ7TTC0${codeOf(`licence ${productName}`, 4)}`,
    skuId: id,
    availabilityId: `CFQ7TTC0${codeOf(`offer ${id} ${productName}`, 4)}`,
    productName,
    skuName,
    publisherName,
    publisherId,
    unitPrice,
    category,
  };
}

/** Licences billed by the seat. */
export const SEAT_LICENCES: readonly Licence[] = [
  licence('0001', 'Microsoft 365 Business Premium', 'Microsoft 365 Business Premium', '20.24'),
  licence('0002', 'Microsoft 365 Business Basic', 'Microsoft 365 Business Basic', '5.52'),
  licence('000S', 'Dynamics 365 Sales Enterprise', 'Dynamics 365 Sales Enterprise', '87.4'),
  licence('0004', 'Power BI Pro', 'Power BI Pro', '10.08'),
  licence('006G', 'Exchange Online (Plan 1)', 'Exchange Online (Plan 1)', '3.68'),
];

/** The licence that arrives as two lines of one product, telephony and not (api-contract.md 6.8). */
export const E5: Licence = licence('000D', 'Microsoft 365 E5', 'Microsoft 365 E5', '52.44');

/** A reservation, a savings plan, third-party software and perpetual software: bought, not metered. */
export const ONE_TIME = {
  reservation: licence(
    '00RI',
    'Reserved VM Instance, D2s v5, EU West, 1 Year',
    'D2s v5 Reservation',
    '604.44',
    'Reservation',
    ['Microsoft', 'NA'],
  ),
  savingsPlan: licence('00SP', 'Compute Savings Plan', 'Compute Savings Plan 1 Year', '730', 'SavingsPlan', [
    'Microsoft',
    'NA',
  ]),
  software: licence(
    '00SW',
    'Windows Server 2025 Standard - 16 Core License Pack',
    'Windows Server 2025',
    '1069',
    'Software',
    ['Microsoft Corporation', 'NA'],
  ),
  marketplace: licence('00MK', 'Nimbus Backup for Teams', 'Nimbus Backup Gold', '14.9', 'Marketplace', [
    'Nimbus Software Oy',
    '21223810',
  ]),
} as const;
